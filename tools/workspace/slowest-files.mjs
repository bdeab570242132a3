// A vitest reporter that ends with the files that took longest, so that it is seen when the tests grow slow.
const SHOWN = 10;

export default class SlowestFiles {
  onTestRunEnd(modules) {
    const seconds = modules
      .map((module) => {
        const { duration, collectDuration, setupDuration, prepareDuration } = module.diagnostic();
        return [module.relativeModuleId, (duration + collectDuration + setupDuration + prepareDuration) / 1000];
      })
      .sort(([, a], [, b]) => b - a);
    if (seconds.length <= SHOWN) return;
    const lines = seconds.slice(0, SHOWN).map(([file, took]) => `${took.toFixed(1).padStart(7)} s  ${file}`);
    console.log(`\nThe slowest of ${seconds.length} test files:\n${lines.join('\n')}`);
  }
}
