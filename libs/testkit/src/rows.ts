import type { Row } from './inputs.js';

/** What a metric does with its inputs that it must not. */
export interface InputFaults {
  undeclared(name: string): void;
  changed(name: string): void;
}

/**
 * One object that shows the row at a cursor, as the engine's does: what is read are getters, maps are views that move along, and nothing can be
 * written.
 *
 * @param names the declared measures
 */
export function rowAt(names: readonly string[], row: () => Row, faults: InputFaults): Row {
  const shown = Object.create(null) as object;
  for (const name of names) {
    let view: ReadonlyMap<unknown, unknown> | undefined;
    const get = () => {
      const value = row()[name];
      if (!(value instanceof Map)) return value;
      return (view ??= mapOver(() => row()[name] as ReadonlyMap<unknown, unknown>));
    };
    Object.defineProperty(shown, name, { get, enumerable: true });
  }
  return new Proxy(Object.freeze(Object.create(shown) as Row), {
    get(target, name) {
      if (typeof name === 'string' && !(name in target)) faults.undeclared(name);
      return Reflect.get(target, name) as unknown;
    },
    set(_, name) {
      faults.changed(String(name));
      return true;
    },
    deleteProperty(_, name) {
      faults.changed(String(name));
      return true;
    },
  });
}

/** A map that cannot be written, over whichever map is current. */
const mapOver = (current: () => ReadonlyMap<unknown, unknown>): ReadonlyMap<unknown, unknown> =>
  Object.freeze({
    get size() {
      return current().size;
    },
    get: (key: unknown) => current().get(key),
    has: (key: unknown) => current().has(key),
    keys: () => current().keys(),
    values: () => current().values(),
    entries: () => current().entries(),
    forEach(each: (value: unknown, key: unknown, map: ReadonlyMap<unknown, unknown>) => void) {
      current().forEach((value, key) => each(value, key, this));
    },
    [Symbol.iterator]: () => current()[Symbol.iterator](),
  });
