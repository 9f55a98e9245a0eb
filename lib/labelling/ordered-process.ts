/** A process that does one thing for the labelling: it is ordered by a message, stopped by another, and ends with its owner. */

/** Tells the owner something, if it is still there. */
export function tellOwner(message: object): void {
  if (process.connected) process.send?.(message);
}

/**
 * Does what the first message orders.
 * @param work - ends early when its signal aborts: a second message has come, or the owner is gone. Never rejects.
 */
export function obeyOrders(work: (order: unknown, signal: AbortSignal) => Promise<void>): void {
  const stop = new AbortController();
  process.once("disconnect", () => stop.abort());
  // Those of the terminal are meant for the owner: it says what is to become of this.
  for (const signal of ["SIGINT", "SIGHUP"] as const) process.on(signal, () => undefined);
  process.once("SIGTERM", () => stop.abort());
  process.once("message", (order: unknown) => {
    process.on("message", () => stop.abort());
    void work(order, stop.signal).finally(() => {
      if (process.connected) process.disconnect();
    });
  });
}
