/** What cannot be made into a plugin. Codes: `RAPPORT_SCAFFOLD_KIND`, `_ID`, `_NAME`. */
export class ScaffoldError extends Error {
  constructor(
    readonly code: `RAPPORT_SCAFFOLD_${'KIND' | 'ID' | 'NAME'}`,
    message: string,
  ) {
    super(`${code}: ${message}`);
    this.name = 'ScaffoldError';
  }
}
