/** Classes as they are named while labelling: what a name and a colour may be. */
import { ColourChoice } from "../dataset/spare-colours.js";
import type { Colour, TissueClass } from "../dataset/tissue-class.js";
import { WsssError } from "../errors.js";
import type { LabelClass } from "./label-facts.js";

/** As of a dataset. */
const mostClasses = 254;

/** A class that somebody wants. */
export interface WantedClass {
  /** Null for a new one. */
  readonly id: string | null;
  readonly name: string;
  /** Null for the one that it has, or any that is free. */
  readonly colour: Colour | null;
}

/** A name as it is written down, however it was typed. */
export function classNameOf(text: string): string {
  return text.trim().normalize("NFC");
}

/**
 * A class with its id and colour, as it goes into the journal.
 * @param background - what is none of the classes.
 * @throws WsssError `WSSS_ERR_OPTION` for a name or a colour that another has, or a name that can't stand in a manifest.
 */
export function classEntryOf(
  classes: readonly LabelClass[],
  background: TissueClass,
  wanted: WantedClass,
): { id: string; name: string; colour: [number, number, number] } {
  const { id, colour } = wanted;
  const name = classNameOf(wanted.name);
  const refuse = (problem: string): WsssError =>
    new WsssError("WSSS_ERR_OPTION", `class ${JSON.stringify(name)} ${problem}`, { option: "classes", value: name });
  const others = classes.filter((one) => one.id !== id);
  const before = classes.find((one) => one.id === id);
  if (!isClassName(name)) {
    throw refuse("can't be written into a manifest: names have 1 to 60 characters, no ; and no tab or line break");
  }
  if (name === background.name) throw refuse("is what patches without any class are called; choose another name");
  if (others.some((one) => one.name === name)) throw refuse("is there already");
  if (id !== null && before === undefined) throw refuse("is to replace one that is not there");
  if (others.length >= mostClasses) throw refuse(`is one too many: there are ${mostClasses}`);
  const twin = [...others, background].find((one) => one.colour.join() === colour?.join());
  if (twin !== undefined) throw refuse(`has the colour of ${twin.name}; classes need different colours`);
  const [red, green, blue] = colour ?? before?.colour ?? freeColour(others);
  return { id: id ?? `class-${classes.length + 1}`, name, colour: [red, green, blue] };
}

/**
 * Looks whether classes can be added, all of them before the first one is.
 * @throws WsssError as {@link classEntryOf}.
 */
export function assertAddable(classes: readonly LabelClass[], background: TissueClass, names: readonly string[]): void {
  const all = [...classes];
  for (const name of names) all.push(classEntryOf(all, background, { id: null, name, colour: null }));
}

function freeColour(classes: readonly LabelClass[]): Colour {
  const choice = new ColourChoice();
  for (const { colour } of classes) choice.next(colour);
  return choice.next();
}

function isClassName(name: string): boolean {
  return name.length >= 1 && name.length <= 60 && !/[;\p{Cc}]/u.test(name);
}
