import { RapportError } from '@rapport/errors';

/** What cannot be made into a plugin. Codes: `RAPPORT_SCAFFOLD_KIND`, `_ID`, `_NAME`. */
export class ScaffoldError extends RapportError {
  override readonly name = 'ScaffoldError';
}
