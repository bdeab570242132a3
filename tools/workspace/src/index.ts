export * from './packages.js';
export * from './source.js';
