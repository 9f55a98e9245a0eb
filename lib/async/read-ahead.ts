/**
 * Items that are each asked for while the one before it is used.
 *
 * @param signal - the caller's, which ends the work.
 * @param itemsUntil - begins the items. Its signal is aborted too when the loop ends early: nobody will use the item under way.
 */
export async function* readAhead<Item>(
  signal: AbortSignal,
  itemsUntil: (signal: AbortSignal) => AsyncGenerator<Item, void, void>,
): AsyncGenerator<Item, void, void> {
  const unused = new AbortController();
  const items = itemsUntil(AbortSignal.any([signal, unused.signal]));
  let next = items.next();
  try {
    for (let item = await next; !item.done; item = await next) {
      next = items.next();
      // Its failure is told when it is its turn.
      next.catch(() => undefined);
      yield item.value;
    }
  } finally {
    unused.abort();
    await items.return();
  }
}
