/** The list of classes, with what is said of the patch that is shown, and the form that adds and renames them. */
import type { LabelClass, LabelProgress } from "../label-facts.js";
import type { LabelRequests } from "./label-requests.js";
import { inputPart, newPart, part, reasonOf, say } from "./page-parts.js";

/** What the list shows of a class. */
export interface ClassLook {
  /** Whether it is there, or asked about; null where nothing is. */
  readonly isOn: boolean | null;
  /** Its probability by the classifier; null if it says nothing. */
  readonly suggestion: number | null;
}

/** What the editor needs of the page. */
export interface EditorHost {
  readonly requests: LabelRequests;
  /** Told that somebody has pressed a class. */
  pressed(id: string): void;
  changed(progress: LabelProgress): void;
}

/** Draws and edits the classes. */
export class ClassEditor {
  readonly #host: EditorHost;
  #edited: LabelClass | null = null;

  constructor(host: EditorHost) {
    this.#host = host;
    part("class-form").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#save();
    });
    part("class-cancel").addEventListener("click", () => this.#edit(null));
    // A new class gets a colour that no other has, unless somebody chooses one.
    part("class-colour").addEventListener("input", () => (inputPart("class-colour").dataset["chosen"] = "yes"));
  }

  draw({ classes, balance }: LabelProgress, lookOf: (id: string) => ClassLook): void {
    const focused = document.activeElement?.getAttribute("data-focus");
    const items = classes.map((one, index) => this.#item(one, index, balance[index]?.present ?? 0, lookOf(one.id)));
    part("classes").replaceChildren(...items);
    if (focused !== null && focused !== undefined) {
      document.querySelector<HTMLElement>(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
    }
  }

  #item(one: LabelClass, index: number, present: number, { isOn, suggestion }: ClassLook): HTMLLIElement {
    const item = newPart("li", "");
    const button = newPart("button", "class");
    button.type = "button";
    button.dataset["focus"] = `press-${one.id}`;
    if (isOn !== null) button.setAttribute("aria-pressed", String(isOn));
    const mark = newPart("span", "mark", isOn === true ? "✓" : "");
    mark.setAttribute("aria-hidden", "true");
    const swatch = newPart("span", "swatch");
    swatch.style.backgroundColor = `rgb(${one.colour.join(", ")})`;
    const key = newPart("kbd", "", index === 9 ? "0" : String(index + 1));
    key.hidden = index > 9;
    const share = suggestion === null ? "" : ` · ${Math.round(100 * suggestion)} % likely`;
    const amount = newPart("span", "amount", `in ${present} ${present === 1 ? "patch" : "patches"}${share}`);
    button.append(mark, swatch, newPart("span", "name", one.name), key, amount);
    button.addEventListener("click", () => this.#host.pressed(one.id));
    const edit = newPart("button", "", "✎");
    edit.type = "button";
    edit.dataset["focus"] = `edit-${one.id}`;
    edit.setAttribute("aria-label", `Edit ${one.name}`);
    edit.addEventListener("click", () => this.#edit(one));
    item.append(button, edit);
    return item;
  }

  #edit(one: LabelClass | null): void {
    this.#edited = one;
    inputPart("class-name").value = one?.name ?? "";
    const colour = inputPart("class-colour");
    delete colour.dataset["chosen"];
    if (one !== null) colour.value = `#${one.colour.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
    part("class-save").textContent = one === null ? "Add class" : "Save";
    part("class-cancel").hidden = one === null;
    if (one !== null) inputPart("class-name").focus();
  }

  async #save(): Promise<void> {
    const name = inputPart("class-name").value;
    const { value, dataset } = inputPart("class-colour");
    const channels = [1, 3, 5].map((at) => Number.parseInt(value.slice(at, at + 2), 16));
    const colour = dataset["chosen"] === "yes" ? channels : null;
    try {
      const progress = await this.#host.requests.setClass(this.#edited?.id ?? null, name, colour);
      say(null);
      this.#edit(null);
      inputPart("class-name").blur();
      this.#host.changed(progress);
    } catch (error) {
      say(reasonOf(error));
    }
  }
}
