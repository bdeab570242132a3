/** Something that a plugin must put right before others can rely on it. Codes: `RAPPORT_CHECK_*`, `RAPPORT_PLUGIN_*`, `RAPPORT_CONFORMANCE_*`. */
export interface Finding {
  readonly code: string;
  /** Where: `package.json#/license`, `README.md`, `config/window`. */
  readonly place: string;
  /** What is wrong, and the way out. */
  readonly message: string;
}

export const finding = (code: string, place: string, message: string): Finding => ({ code, place, message });

export type JsonObject = Readonly<Record<string, unknown>>;
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
