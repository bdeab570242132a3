/** What one kind of plugin starts with: the smallest source of its kind that does something, and a test of it. */
export interface Template {
  /** `src/index.ts` */
  readonly source: string;
  /** `src/index.test.ts` */
  readonly test: string;
  /** `src/<id>.json` of a segment or playbook. */
  readonly document?: string;
  /** The manifest's `requires`. */
  readonly requires?: Readonly<Record<string, string>>;
  /** What the README says between its title and how to work on the package. */
  readonly readme: string;
}

/** `first-week` → `First week` */
export const titleOf = (id: string): string => (id[0] ?? '').toUpperCase() + id.slice(1).replaceAll('-', ' ');
