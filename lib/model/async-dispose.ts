/**
 * Gives Node versions before 20.5 the symbols behind `await using`. Imported by every file whose class has such a
 * method, before the class is defined.
 */
for (const name of ["dispose", "asyncDispose"] as const) {
  if (!(name in Symbol)) Object.defineProperty(Symbol, name, { value: Symbol.for(`nodejs.${name}`) });
}
export {};
