/** The one function of jStat that is used here; the package has no types of its own. */
declare module 'jstat' {
  const jStat: {
    readonly studentt: {
      /** Quantile of Student's t distribution: the x below which lies the share `p`. */
      inv(p: number, degreesOfFreedom: number): number;
    };
  };
  export = jStat;
}
