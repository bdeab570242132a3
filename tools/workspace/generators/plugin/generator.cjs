// Nx loads generators as CommonJS; this one is src/new-plugin.ts, which `npm ci` has built.
module.exports = async function plugin(tree, options) {
  const { newPlugin } = await import('@rapport/workspace');
  return newPlugin(tree, options);
};
