/** Name of the report, in a run folder and in the folder of an ablation. */
export const reportFileName = "report.html";
