export { exit, type ErrorEntry, type ErrorStatus, type ExitCode, type ExitName } from './section.js';
export { errorOf, isErrorCode, registered, type ErrorCode, type RegisteredError } from './registry.js';
export { RapportError, reported, type Reported } from './rapport-error.js';
export { errorsPage, httpErrorsTable } from './page.js';
