/**
 * A copy of a document's value that nobody can change, so that all results may share it. Being a copy it is never `===` a fact, as in
 * json-rules-engine; and as there, an object loses keys that are names of `Object.prototype`. (`__proto__` there becomes the copy's prototype. Here it
 * is lost too.) What JSON does not have is taken as it is, but for dates.
 */
export function frozenCopy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return Object.freeze(value.map(frozenCopy));
  if (value instanceof Date) return Object.freeze(new Date(value));
  if (!isPlain(value)) return value;
  const kept = Object.entries(value).filter(([key]) => !Object.hasOwn(Object.prototype, key));
  return Object.freeze(Object.fromEntries(kept.map(([key, child]) => [key, frozenCopy(child)])));
}

/** An object of its own properties only, but for those of `Object.prototype`. */
export function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
