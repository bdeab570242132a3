export * from './packages.js';
export * from './source.js';
export * from './new-plugin.js';
