export { exit, type ErrorEntry, type ErrorStatus, type ExitCode, type ExitName } from './section.js';
export { errorOf, isErrorCode, registered, type ErrorCode, type RegisteredError } from './registry.js';
export { failure, RapportError, reported, type FailureOptions, type Reported } from './rapport-error.js';
export { errorsPage, httpErrorsTable } from './page.js';
