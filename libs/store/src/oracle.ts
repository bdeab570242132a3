/** placeholder until written by its owner */
export const createOracle = () => { throw new Error('being written'); };
