export { ScaffoldError } from './error.js';
export {
  checkRequest,
  kinds,
  ownPackage,
  pins,
  repositoryPackage,
  type Files,
  type NewOwnPlugin,
  type NewPlugin,
} from './plugin.js';
