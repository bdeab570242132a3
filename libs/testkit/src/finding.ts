/** A way in which a metric breaks its contract; docs/errors.md says what to do about each. */
export type FindingCode = `RAPPORT_CONFORMANCE_${
  | 'HOOK'
  | 'THREW'
  | 'INPUT'
  | 'USES'
  | 'CHANGED'
  | 'KEPT'
  | 'IMPURE'
  | 'CLOCK'
  | 'CHANCE'
  | 'VALUE'
  | 'PART'
  | 'CONTRIBUTIONS'
  | 'NO_DATA'
  | 'ORDER'
  | 'DUPLICATE'
  | 'LATE'
  | 'FUTURE'
  | 'ORACLE'
  | 'STORE'
  | 'INCREMENTAL'}`;

/** What is wrong, in a sentence that names the metric and the subject. */
export interface Breach {
  readonly code: FindingCode;
  readonly sentence: string;
}
export type Report = (breach: Breach) => void;

export interface Finding extends Breach {
  /** The smallest world found in which it shows, as text; null when it shows in every world. */
  readonly world: string | null;
}
