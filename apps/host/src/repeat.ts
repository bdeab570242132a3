/** Does something again and again, `pauseMs` after it has ended; a failure is reported and does not end it. */
export function repeat(
  pauseMs: number,
  task: () => Promise<unknown>,
  failed: (error: unknown) => void,
): { stop(): Promise<void> } {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let running = Promise.resolve();
  const once = async () => {
    try {
      await task();
    } catch (error) {
      failed(error);
    }
    if (!stopped) schedule();
  };
  const schedule = () => {
    timer = setTimeout(() => {
      running = once();
    }, pauseMs);
  };
  schedule();
  return {
    /** Resolves when the round under way has ended. */
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
