/**
 * The same items, each asked for while the one before it is used.
 *
 * @param stop - called when the loop ends, early or not: makes the item give up that nobody will use.
 */
export async function* readAhead<Item>(
  items: AsyncGenerator<Item, void, void>,
  stop: () => void,
): AsyncGenerator<Item, void, void> {
  let next = items.next();
  try {
    for (let item = await next; !item.done; item = await next) {
      next = items.next();
      // Its failure is told when it is its turn.
      next.catch(() => undefined);
      yield item.value;
    }
  } finally {
    stop();
    await items.return();
  }
}
