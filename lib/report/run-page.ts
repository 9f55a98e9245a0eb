/** The report of a run: its sections in their order. */
import { openCharts } from "./chart.js";
import { confusionSection } from "./confusion-section.js";
import { masksSection, patchesSection } from "./gallery-sections.js";
import { patientsSection } from "./group-sections.js";
import { originSection, stagesSection, stateOf } from "./overview-sections.js";
import { layOutPage, type ReportPage } from "./report-page.js";
import { readRunFacts } from "./run-facts.js";
import { classesSection, scoresSection } from "./score-sections.js";
import { trainingSection } from "./training-curves.js";

/** The report of a run folder as it is now; whatever is not there, or damaged, is said to be missing. */
export async function runPage(folder: string): Promise<ReportPage> {
  const facts = await readRunFacts(folder);
  const charts = await openCharts();
  const dataset = facts.record?.dataset.name;
  const head = {
    title: dataset == null ? `Run ${facts.name}` : `${dataset}: run ${facts.name}`,
    state: stateOf(facts),
    isFinished: facts.stages.length > 0 && facts.stages.every(({ done }) => done !== null),
  };
  return await layOutPage(head, [
    scoresSection(facts),
    classesSection(facts, charts),
    confusionSection(facts),
    patientsSection(facts, charts),
    await patchesSection(facts),
    await masksSection(facts),
    trainingSection(facts.trainings, charts),
    stagesSection(facts),
    originSection(facts),
  ]);
}
