/** Which classes annotations stand for: those of the dataset, background, or what is not looked at. */
import { ColourChoice } from "../dataset/spare-colours.js";
import type { Colour, TissueClass } from "../dataset/tissue-class.js";
import { WsssError } from "../errors.js";
import { nearestName } from "../text/nearest-name.js";
import type { AnnotationFile } from "./annotation-file.js";

/** Name under which annotations mean background. */
export const backgroundName = "background";

/** Value of a mask's pixels that are neither learned from nor scored. */
export const notAnnotated = 255;

/** Classes as a user gives them: names alone, which then have the annotations' colours, or names with colours. */
export type GivenClasses = readonly (string | TissueClass)[];

/** QuPath leaves out what is called like this: `Ignore*`. */
function isIgnored(name: string): boolean {
  return name.endsWith("*");
}

/** The classes that annotations name, sorted, so that another order of files gives the same dataset. */
function namedClasses(files: readonly AnnotationFile[], skipped: ReadonlySet<string>): string[] {
  const names = new Set(files.flatMap(({ polygons }) => polygons.map(({ className }) => className)));
  return [...names]
    .filter((name) => !isIgnored(name) && !skipped.has(name) && name.toLowerCase() !== backgroundName)
    .sort();
}

/**
 * The classes of a dataset: those that are given, or those that the annotations name.
 * @param skipped - classes of annotations that are not looked at.
 */
export function classesOfAnnotations(
  files: readonly AnnotationFile[],
  given: GivenClasses | undefined,
  skipped: ReadonlySet<string>,
): TissueClass[] {
  const wanted = given ?? namedClasses(files, skipped);
  const colours = new Map<string, Colour>();
  for (const file of files)
    for (const [name, colour] of file.colours) if (!colours.has(name)) colours.set(name, colour);
  const choice = new ColourChoice();
  return wanted.map((one) => {
    // Colours that were given are kept, or refused with the description.
    if (typeof one !== "string") return { ...one, name: one.name.normalize("NFC") };
    const name = one.normalize("NFC");
    return { name, colour: choice.next(colours.get(name)) };
  });
}

/**
 * What the pixels of each polygon are in a mask: index of a class, K for background, 255 for what is not looked at.
 * @throws WsssError `WSSS_ERR_DATASET` for a class that is none of the dataset's.
 */
export function valuesOfPolygons(
  { path, polygons }: AnnotationFile,
  classes: readonly TissueClass[],
  skipped: ReadonlySet<string>,
): number[] {
  const names = classes.map(({ name }) => name.normalize("NFC"));
  return polygons.map(({ className, where }) => {
    const index = names.indexOf(className);
    if (index >= 0) return index;
    if (className.toLowerCase() === backgroundName) return classes.length;
    if (isIgnored(className) || skipped.has(className)) return notAnnotated;
    const meant = nearestName(className, names);
    const hint = meant === undefined ? "" : ` (did you mean "${meant}"?)`;
    const message =
      `annotations ${path}: ${where} is of the class "${className}"${hint}, and the classes are ${names.join(", ")}; ` +
      "correct it, add the class, or leave its annotations out (skipClasses, --skip-class)";
    throw new WsssError("WSSS_ERR_DATASET", message, { path, class: className, classes: names });
  });
}
