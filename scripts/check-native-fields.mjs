/**
 * Checks that lib tells the addon exactly what binding/ reads: the properties of the TypeScript types of options against the names in
 * `fields.number("...")` and its like. A field that nobody reads is a mistake, and one that is read and not told fails at run time.
 *
 *   node scripts/check-native-fields.mjs [--root FOLDER]
 *
 * --root  another tree than this one, for tests
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import ts from "typescript";

const { values } = parseArgs({ options: { root: { type: "string" } } });
const root = path.resolve(values.root ?? path.join(path.dirname(fileURLToPath(import.meta.url)), ".."));

/** An exported type of lib, and the functions or classes of binding/ that read an object of it. */
const pairs = [
  {
    type: ["lib/classifier/train-classifier.ts", "NativeClassifierTraining"],
    reads: [
      ["binding/conversions.cpp", "void read_shared("],
      ["binding/conversions.cpp", "Precision precision_of("],
      ["binding/conversions.cpp", "ClassifierTrainingOptions classifier_training_options("],
    ],
  },
  {
    type: ["lib/segmenter/train-segmenter.ts", "NativeSegmenterTraining"],
    reads: [
      ["binding/conversions.cpp", "void read_shared("],
      ["binding/conversions.cpp", "Precision precision_of("],
      ["binding/conversions.cpp", "SegmenterTrainingOptions segmenter_training_options("],
    ],
  },
  {
    type: ["lib/native/native-models.ts", "NativeSharedWork"],
    reads: [["binding/classifier.cpp", "Napi::Value ClassifierWrap::classify("]],
  },
  {
    type: ["lib/native/native-models.ts", "NativeSharedWork"],
    reads: [["binding/classifier.cpp", "Napi::Value ClassifierWrap::evaluate("]],
  },
  {
    type: ["lib/native/native-models.ts", "NativeMaskEvaluation"],
    reads: [
      ["binding/segmenter.cpp", "Napi::Value SegmenterWrap::evaluate("],
      ["binding/conversions.cpp", "PatchViews patch_views("],
    ],
  },
  {
    type: ["lib/native/native-models.ts", "NativeRedrawOptions"],
    reads: [
      ["binding/conversions.cpp", "RedrawOptions redraw_options("],
      ["binding/conversions.cpp", "std::optional<GlassRule> glass_rule("],
      ["binding/conversions.cpp", "PatchViews patch_views("],
      ["binding/segmenter.cpp", "Napi::Value SegmenterWrap::redraw_masks("],
    ],
  },
  {
    type: ["lib/native/native-models.ts", "NativePseudoMaskOptions"],
    reads: [
      ["binding/conversions.cpp", "PseudoMaskOptions pseudo_mask_options("],
      ["binding/conversions.cpp", "std::optional<GlassRule> glass_rule("],
      ["binding/conversions.cpp", "PatchViews patch_views("],
      ["binding/classifier.cpp", "Napi::Value ClassifierWrap::generate_masks("],
    ],
  },
  {
    type: ["lib/native/native-models.ts", "NativeGate"],
    reads: [
      ["binding/conversions.cpp", "std::optional<ClassGate> class_gate("],
      ["binding/conversions.cpp", "GateRule gate_rule("],
    ],
  },
  {
    type: ["lib/native/native-models.ts", "NativeClassifierExport"],
    reads: [["binding/model.h", "inline onnx::OnnxFile onnx_file("]],
  },
  {
    type: ["lib/native/native-models.ts", "NativeSegmenterExport"],
    reads: [
      ["binding/model.h", "inline onnx::OnnxFile onnx_file("],
      ["binding/segmenter.cpp", "OnnxWriter<DeepLab> SegmenterWrap::onnx_writer("],
    ],
  },
  {
    type: ["lib/native/native-models.ts", "NativeModelConfig"],
    reads: [
      ["binding/model.h", "explicit ModelConfig("],
      ["binding/conversions.cpp", "Precision precision_of("],
    ],
  },
  {
    type: ["lib/native/native-label-suggestion.ts", "NativePatchFeaturesOptions"],
    reads: [["binding/patch_features.cpp", "PatchFeaturesWrap::PatchFeaturesWrap("]],
  },
  {
    type: ["lib/native/native-process-group.ts", "NativeProcessGroupOptions"],
    reads: [["binding/process_group.cpp", "ProcessGroupOptions process_group_options("]],
  },
  {
    type: ["lib/native/native-slides.ts", "NativeSlideOpening"],
    reads: [["binding/slide.cpp", "SlideOpening slide_opening("]],
  },
  {
    type: ["lib/native/native-slides.ts", "NativeSlideRegion"],
    reads: [["binding/slide.cpp", "SlideRegion slide_region("]],
  },
  {
    type: ["lib/native/native-slides.ts", "NativeTissuePicture"],
    reads: [
      ["binding/slide.cpp", "TissueSearch tissue_search("],
      ["binding/slide.cpp", "Napi::Value SlideWrap::find_tissue("],
    ],
  },
  {
    type: ["lib/native/native-slides.ts", "NativePatchPlaces"],
    reads: [
      ["binding/slide_patches.cpp", "PatchGrid patch_form("],
      ["binding/slide_patches.cpp", "std::vector<SlideRegion> patch_regions("],
    ],
  },
  {
    type: ["lib/native/native-slides.ts", "NativePatchPlan"],
    reads: [
      ["binding/slide_patches.cpp", "PatchGrid patch_form("],
      ["binding/slide_patches.cpp", "Napi::Value SlideWrap::plan_patches("],
    ],
  },
  {
    type: ["lib/native/native-slides.ts", "NativePatchReading"],
    reads: [["binding/slide_patches.cpp", "Napi::Value SlideWrap::read_patches("]],
  },
  {
    type: ["lib/native/native-slides.ts", "NativePolygons"],
    reads: [["binding/slide_patches.cpp", "GivenPolygons::GivenPolygons("]],
  },
  {
    type: ["lib/native/native-slides.ts", "NativeMapTileRequest"],
    reads: [["binding/map_tiles.cpp", "Napi::Value read_map_tile("]],
  },
  {
    type: ["lib/native/native-slides.ts", "NativeMapScoring"],
    reads: [["binding/map_tiles.cpp", "Napi::Value score_map("]],
  },
  {
    type: ["lib/native/addon.ts", "NativeSlideSynthesis"],
    reads: [["binding/synthesis.cpp", "Napi::Value synthesize_whole_slide("]],
  },
  {
    type: ["lib/native/native-slides.ts", "NativeRowsFile"],
    reads: [["binding/slide.cpp", "RowsFile rows_file("]],
  },
  {
    type: ["lib/native/native-slides.ts", "NativeMapFiles"],
    reads: [
      ["binding/slide.cpp", "MapFiles map_files("],
      ["binding/slide.cpp", "Napi::Value SlideWrap::write_map("],
    ],
  },
  {
    type: ["lib/native/native-slides.ts", "NativeSlideWork"],
    reads: [
      ["binding/segmenter.cpp", "SlideWork slide_work("],
      ["binding/conversions.cpp", "PatchViews patch_views("],
    ],
  },
  {
    type: ["lib/native/native-slides.ts", "NativeSlideGate"],
    reads: [
      ["binding/segmenter.cpp", "SlideGateNetwork slide_gate("],
      ["binding/segmenter.cpp", "Napi::Value SegmenterWrap::segment_slide("],
      ["binding/conversions.cpp", "GateRule gate_rule("],
    ],
  },
];

const { config } = ts.readConfigFile(path.join(root, "tsconfig.json"), (file) => readFileSync(file, "utf8"));
const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
const program = ts.createProgram(
  pairs.map(({ type: [file] }) => path.join(root, file)),
  { ...options, noEmit: true },
);
const checker = program.getTypeChecker();

let problems = 0;
for (const { type, reads } of pairs) {
  const told = propertiesOf(...type);
  const read = new Set(reads.flatMap(([file, start]) => namesReadIn(file, start)));
  const where = reads.map(([, start]) => start.replace(/.* |\($/g, "")).join(", ");
  for (const name of told) if (!read.has(name)) say(`${type[1]}.${name} is told and never read by ${where}`);
  for (const name of read) if (!told.has(name)) say(`${where} reads ${name}, which ${type[1]} does not have`);
}
process.exitCode = problems > 0 ? 1 : 0;

function say(problem) {
  problems += 1;
  console.log(problem);
}

function propertiesOf(file, name) {
  const source = program.getSourceFile(path.join(root, file));
  const symbol = checker.getExportsOfModule(checker.getSymbolAtLocation(source)).find((one) => one.name === name);
  if (symbol === undefined) throw new Error(`${file} exports no ${name}`);
  return new Set(checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol)).map((property) => property.name));
}

/** Names in calls such as `fields.number("width")`, from a function's first line to its closing brace. */
function namesReadIn(file, start) {
  const text = readFileSync(path.join(root, file), "utf8");
  const from = text.indexOf(start);
  if (from < 0) throw new Error(`${file} has no ${start}`);
  const end = /\n\}\n|\{\}\n/g;
  end.lastIndex = from;
  const body = text.slice(from, end.exec(text)?.index);
  return [...body.matchAll(/fields\.\w+\("(\w+)"\)/g)].map(([, name]) => name);
}
