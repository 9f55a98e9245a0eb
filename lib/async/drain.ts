/** Runs a generator to its end. */

/** Takes every event of a generator, and ends the generator whatever happens. */
export async function drain<Event, Result>(
  events: AsyncGenerator<Event, Result, void>,
  take: (event: Event) => void = () => undefined,
): Promise<Result> {
  try {
    for (;;) {
      const next = await events.next();
      if (next.done === true) return next.value;
      take(next.value);
    }
  } finally {
    // After the end this does nothing; after an error in `take` it cancels the training and waits for it.
    await events.return(undefined as Result);
  }
}
