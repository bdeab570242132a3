export { openWorkspace, type OpenOptions, type Workspace } from './workspace.js';
export { createApp, type AppOptions } from './app.js';
export { pluginRoots } from './plugin-roots.js';
export { serve, type Served, type ServeOptions } from './serve.js';
export type { Problem } from './problem.js';
export { prune } from './retention.js';
