/** What the labelling page and its server tell each other; the page's own code has these types too. */

/** Answer to whether a patch shows a class: 1 = yes, 0 = no, null = nobody has said. */
export type Answer = 0 | 1 | null;

/** Answers to some classes, by their ids. */
export type Answers = Readonly<Record<string, Answer>>;

/** A class as it is labelled. */
export interface LabelClass {
  /** Never changes, whatever the class is called. */
  readonly id: string;
  readonly name: string;
  /** Red, green, blue, 0 to 255. */
  readonly colour: readonly [number, number, number];
}

/** What does not change while the page is open. */
export interface LabelFacts {
  /** Name of the dataset. */
  readonly title: string;
  readonly annotator: string;
  /** To be sent with everything that is written. */
  readonly writeToken: string;
  /** Patches in all. */
  readonly count: number;
  /** Whether the surroundings of patches can be shown, since they are parts of slides. */
  readonly hasSurroundings: boolean;
}

/** A patch that is to be labelled, or looked at again. */
export interface LabelTask {
  /** Its number, from 0. */
  readonly patch: number;
  readonly name: string;
  /** Number of the last entry of the journal that is about it; 0 = none. A commit says it, so that nobody overwrites what they have not seen. */
  readonly revision: number;
  /** What has been said of it; of a second look nothing. */
  readonly answers: Answers;
  readonly isUnsure: boolean;
  /** What the classifier makes of it: probabilities by class, of those that it knows; null where it is not to be shown. */
  readonly suggested: Readonly<Record<string, number>> | null;
}

/** How much is done. */
export interface LabelProgress {
  /** Number of the journal's last entry: what a page shows is old when it is not this one. */
  readonly revision: number;
  readonly classes: readonly LabelClass[];
  readonly count: number;
  /** Patches with an answer to every class. */
  readonly labelled: number;
  readonly unsure: number;
  /** Patches that could not be read. */
  readonly unreadable: number;
  /** Patches that show each class and that do not, by class. */
  readonly balance: readonly { readonly id: string; readonly present: number; readonly absent: number }[];
  /** Of the last patches of this annotator, a minute; null before there are some. */
  readonly patchesPerMinute: number | null;
  readonly suggestions: SuggestionState;
  readonly agreement: readonly Agreement[];
  /** What should be looked at, a sentence each. */
  readonly notes: readonly string[];
  /** Patches on the list "look again". */
  readonly lookAgain: number;
}

/** Where the classifier stands. */
export interface SuggestionState {
  /** `"off"`, `"reading"` the patches, `"waiting"` for labels, or `"ready"`. */
  readonly state: "off" | "reading" | "waiting" | "ready";
  /** Patches that it has read. */
  readonly described: number;
  /** Share of labels that were as suggested, where the suggestion was shown and where it was not: a difference is what showing does. */
  readonly shown: Hits;
  readonly hidden: Hits;
  /** Share of labels that it finds by itself, each predicted without it. */
  readonly found: Hits;
}

/** How many of so many were right. */
export interface Hits {
  readonly right: number;
  readonly of: number;
}

/** How two annotators agree on a class. */
export interface Agreement {
  readonly annotators: readonly [string, string];
  readonly classId: string;
  /** Patches that both have answered. */
  readonly patches: number;
  /** Cohen's kappa: 1 = always, 0 = as by chance; null where both always said the same one thing. */
  readonly kappa: number | null;
}

/** Where the training of all stages stands. */
export interface TrainingState {
  readonly state: "none" | "running" | "pausing" | "paused" | "done" | "failed";
  /** Its number; null before there is one. */
  readonly number: number | null;
  /** Patches that it learns from. */
  readonly labelled: number;
  readonly stage: string;
  /** What is counted now. */
  readonly label: string;
  readonly done: number;
  readonly total: number;
  /** What the last epoch came to; null before there is one. */
  readonly lastEpoch: string | null;
  /** mIoU on val of the epoch that was kept, a fraction; null before a training has ended, and where val has no true masks. */
  readonly valMIoU: number | null;
  /** The same on the test patches, with the gate. */
  readonly testMIoU: number | null;
  readonly problem: string | null;
}

/** What was learned, and can be laid over a patch. */
export interface LearnedLayers {
  /** Number of the training; null before one has ended. */
  readonly training: number | null;
  /** Feature levels that have pseudo masks, deepest first. */
  readonly levels: readonly string[];
  /** What each colour means. */
  readonly classes: readonly { readonly name: string; readonly colour: readonly [number, number, number] }[];
}

/** A slide of the dataset, and where its map stands. */
export interface LabelSlide {
  readonly name: string;
  readonly state: "none" | "waiting" | "running" | "done" | "failed";
  readonly done: number;
  readonly total: number;
  /** Number of the training that its map is of; null without a map. */
  readonly training: number | null;
}

/** Why a patch should be looked at again. */
export interface LookAgain {
  readonly patch: number;
  readonly name: string;
  readonly why: string;
}

/** What a person said of one patch. */
export interface LabelChange {
  readonly patch: number;
  readonly revision: number;
  readonly answers: Answers;
  readonly isUnsure: boolean;
  /** Whether the answers that they began with were suggested. */
  readonly wasPrefilled: boolean;
}

/** How labels were given. */
export type LabelMode = "single" | "sweep";

/** One commit: of one patch, or of a page of them. */
export interface LabelCommit {
  /** Drawn by the page: a commit that is sent twice counts once. */
  readonly request: string;
  readonly mode: LabelMode;
  /** Time that it took. */
  readonly seconds: number;
  readonly changes: readonly LabelChange[];
}

/** A commit that was not taken: somebody, in another tab, has labelled these meanwhile. */
export interface LabelConflict {
  readonly conflict: readonly LabelTask[];
}
