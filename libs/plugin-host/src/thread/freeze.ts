/*
 * Freezes what every program shares: `Math`, `Array.prototype`, `Intl`, `URL`, `Buffer`, `globalThis` and all that hangs on them, so that no
 * plugin changes what another one computes with. Import this last, when the thread has everything that it needs.
 */

/** Names that code gives to its own objects although a prototype has them too: `this.name = …` in a class of errors. */
const OVERRIDDEN = [
  'constructor',
  'name',
  'message',
  'toString',
  'toLocaleString',
  'valueOf',
  'toJSON',
  'hasOwnProperty',
];

/** Roots that no global name leads to. */
const hidden: readonly object[] = [
  Object.getPrototypeOf(Uint8Array) as object,
  ...[[][Symbol.iterator](), new Map().entries(), new Set().values(), ''[Symbol.iterator](), 'a'.matchAll(/a/g)].map(
    (iterator) => Object.getPrototypeOf(iterator) as object,
  ),
  ...[
    function* () {
      yield 0;
    },
    async function () {
      await Promise.resolve();
    },
    async function* () {
      yield await Promise.resolve(0);
    },
  ].map((made) => Object.getPrototypeOf(made) as object),
];

/** An inherited property that is read-only cannot be assigned on an heir; an accessor whose setter defines it there can. */
function letHeirsOverride(owner: object, name: string): void {
  const own = Object.getOwnPropertyDescriptor(owner, name);
  if (!own || !('value' in own) || !own.configurable || !own.writable) return;
  const value: unknown = own.value;
  Object.defineProperty(owner, name, {
    get: () => value,
    set(this: object, given: unknown) {
      if (this === owner) throw new TypeError(`"${name}" is shared by all plugins and cannot be changed.`);
      Object.defineProperty(this, name, { value: given, writable: true, enumerable: true, configurable: true });
    },
    enumerable: own.enumerable ?? false,
    configurable: false,
  });
}

const seen = new Set<object>([process]);
const isObject = (value: unknown): value is object =>
  (typeof value === 'object' && value !== null) || typeof value === 'function';

function freeze(root: object): void {
  const open = [root];
  for (let value = open.pop(); value; value = open.pop()) {
    if (seen.has(value)) continue;
    seen.add(value);
    const parent: unknown = Object.getPrototypeOf(value);
    const properties = Object.values(Object.getOwnPropertyDescriptors(value));
    for (const next of [parent, ...properties.flatMap((property): unknown[] => Object.values(property))])
      if (isObject(next)) open.push(next);
    // Not for arrays and promises: V8 is slower with those whose prototype has another `constructor`.
    if (
      value === Object.prototype ||
      value === Function.prototype ||
      value === Error.prototype ||
      value instanceof Error
    )
      for (const name of OVERRIDDEN) letHeirsOverride(value, name);
    // The elements of a typed array cannot be frozen; none is shared.
    if (!ArrayBuffer.isView(value)) Object.freeze(value);
  }
}

for (const each of hidden) freeze(each);
// Some globals are accessors whose setter would replace them for everybody.
for (const name of Object.getOwnPropertyNames(globalThis)) {
  const value: unknown = Reflect.get(globalThis, name);
  const own = Object.getOwnPropertyDescriptor(globalThis, name);
  if (own && !('value' in own) && own.configurable)
    Object.defineProperty(globalThis, name, { value, enumerable: own.enumerable ?? false });
}
freeze(globalThis);
