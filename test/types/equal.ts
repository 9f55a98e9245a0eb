/** Whether two types are the same, `any` and `readonly` told apart from everything else. */
type Equal<First, Second> =
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- compared by how the compiler defers them
  (<Any>() => Any extends First ? 1 : 2) extends <Any>() => Any extends Second ? 1 : 2 ? true : false;

/** Compiles only if the type of `value` is exactly `Expected`, otherwise it lacks an argument: `same<number>()(epoch)`. */
export declare function same<Expected>(): <Value>(
  value: Value,
  ...other: Equal<Value, Expected> extends true ? [] : [expected: Expected]
) => void;
