/** What the page says beside the patches: how much is done, how good suggestions are, who agrees, and what is odd. */
import type { Agreement, Hits, LabelProgress, LookAgain, SuggestionState } from "../label-facts.js";
import { newPart, part } from "./page-parts.js";

/** Shows how much is done. */
export function showProgress(progress: LabelProgress): void {
  const { labelled, count, unsure, patchesPerMinute, suggestions, agreement, notes, lookAgain, classes } = progress;
  const pace = patchesPerMinute === null ? "" : `, ${Math.round(patchesPerMinute)} a minute`;
  const open = unsure === 0 ? "" : `, ${unsure} unsure`;
  part("done").textContent = `${labelled} of ${count} labelled${open}${pace}`;
  part("again-count").textContent = lookAgain === 0 ? "" : `(${lookAgain})`;
  part("suggestions").textContent = describeSuggestions(suggestions, count);
  const nameOf = new Map(classes.map(({ id, name }) => [id, name]));
  fill(
    "agreement",
    agreement.map((one) => describeAgreement(one, nameOf.get(one.classId) ?? "")),
  );
  fill("notes", notes);
}

/** Shows how many commits the disk does not have yet. */
export function showSaved(waiting: number, isLockedOut: boolean): void {
  const why = isLockedOut ? ": the program was started again; open its new address in this browser" : "";
  part("saved").textContent = waiting === 0 ? "Saved" : `${waiting} not saved yet${why}`;
  document.body.dataset["waiting"] = String(waiting);
}

/** Shows the patches to look at again. */
export function showLookAgain(list: readonly LookAgain[], open: (patch: number) => void): void {
  part("again-text").textContent =
    list.length === 0
      ? "Nothing contradicts anything so far."
      : "These labels contradict each other, or what the other labels say. Open one, and say it again: right or changed.";
  const items = list.map(({ patch, name, why }) => {
    const button = newPart("button", "");
    button.type = "button";
    const picture = newPart("img", "");
    picture.alt = "";
    picture.src = `/patches/${patch}/160`;
    const text = newPart("span", "");
    text.append(newPart("strong", "", name), newPart("br", ""), why);
    button.append(picture, text);
    button.addEventListener("click", () => open(patch));
    const item = newPart("li", "");
    item.append(button);
    return item;
  });
  part("again-list").replaceChildren(...items);
}

function fill(id: "agreement" | "notes", sentences: readonly string[]): void {
  part(`${id}-part`).hidden = sentences.length === 0;
  part(id).replaceChildren(...sentences.map((sentence) => newPart("li", "", sentence)));
}

function describeSuggestions({ state, described, shown, hidden, found }: SuggestionState, count: number): string {
  const words: Readonly<Record<SuggestionState["state"], string>> = {
    off: "There are none.",
    reading: `The classifier looks at the patches: ${described} of ${count}.`,
    waiting: "The classifier waits for labels: at least five patches with and five without a class.",
    ready: "The classifier suggests, and learns as you go on.",
  };
  const parts = [words[state]];
  if (found.of > 0) parts.push(`It finds ${rate(found)} of your labels by itself.`);
  if (shown.of > 0) parts.push(`You kept ${rate(shown)} of what it suggested.`);
  if (hidden.of > 0) parts.push(`Where its suggestion was not shown, you said the same in ${rate(hidden)}.`);
  return parts.join(" ");
}

function rate({ right, of }: Hits): string {
  return `${((100 * right) / of).toFixed(0)} % (of ${of})`;
}

function describeAgreement({ annotators, patches, kappa }: Agreement, name: string): string {
  const value = kappa === null ? "no kappa, as all answers are the same" : `kappa ${kappa.toFixed(2)}`;
  return `${annotators.join(" and ")} on ${name}: ${value} (${patches} patches)`;
}
