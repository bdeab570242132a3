/** Runs tasks one after the other, in the order they were given. */
export interface Queue {
  readonly run: <T>(task: () => Promise<T>) => Promise<T>;
  /** Resolves when everything given so far has run. */
  readonly idle: () => Promise<void>;
}

export function queue(): Queue {
  let tail: Promise<unknown> = Promise.resolve();
  return {
    run(task) {
      const result = tail.then(task);
      tail = result.catch(() => undefined);
      return result;
    },
    async idle() {
      await tail;
    },
  };
}
