/**
 * Refuses a configuration for what its schema cannot say; for `measures` and `uses`. Throws `RAPPORT_SDK_CONFIG`.
 *
 * @param pointer JSON Pointer of the place, within the metric's own configuration
 */
export function refuseConfig(pointer: string, sentence: string): never {
  throw new TypeError(`RAPPORT_SDK_CONFIG: ${pointer}: ${sentence}`);
}
