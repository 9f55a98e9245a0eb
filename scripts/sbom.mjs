/**
 * Writes the list of everything that a user of the package ends up with, as CycloneDX 1.5 in JSON: the npm packages that
 * an install brings, what is compiled into the addon, and LibTorch's wheels, which are fetched on first use.
 *
 *   node scripts/sbom.mjs FILE
 *
 * Needs node_modules and dist/. Reads the pins of the wheels from dist/libtorch/pinned.js.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { runTimePackages } from "./run-time-packages.mjs";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const compiledIn = ["node-addon-api", "node-api-headers"];

/** What the wheels themselves declare. */
const torchLicence =
  "Apache-2.0 AND Apache-2.0 WITH LLVM-exception AND BSD-2-Clause AND BSD-3-Clause AND BSL-1.0 AND MIT";
const wheelLicences = [
  [/^torch$/, [{ expression: torchLicence }]],
  [/^nvidia-cusparselt-/, [{ license: { name: "NVIDIA Proprietary Software" } }]],
  [/^nvidia-/, [{ license: { name: "LicenseRef-NVIDIA-Proprietary" } }]],
];

const [target, ...others] = process.argv.slice(2);
if (target === undefined || others.length > 0) fail("name one file to write");

const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
const bom = keepUsed(npmSbom());
const wheels = wheelComponents(await pinnedVariants());
bom.components.push(...wheels.map(({ component }) => component));
bom.dependencies.push(...wheels.map(({ component, needs }) => ({ ref: component["bom-ref"], dependsOn: needs })));
const own = bom.dependencies.find(({ ref }) => ref === bom.metadata.component["bom-ref"]);
own.dependsOn.push(...wheels.filter(({ isTorch }) => isTorch).map(({ component }) => component["bom-ref"]));
writeFileSync(target, `${JSON.stringify(bom, null, 2)}\n`);
say(`${bom.components.length} components, ${wheels.length} of them wheels, in ${target}`);

/** All that npm knows of node_modules. Not `--omit dev`, which leaves out what a development tool needs as well. */
function npmSbom() {
  const parameters = ["sbom", "--sbom-format", "cyclonedx"];
  const { status, stdout, stderr, error } = spawnSync("npm", parameters, { cwd: root, encoding: "utf8" });
  if (error !== undefined) fail(`npm could not be started: ${error.message}`);
  if (status !== 0) fail(`npm sbom failed: ${stderr.trim()}`);
  return JSON.parse(stdout);
}

/** Only what an install brings or a compiler took in, and edges between those. */
function keepUsed(all) {
  const installed = runTimePackages(root).map(({ name, version }) => `${name}@${version}`);
  const headers = compiledIn.map((name) => `${name}@${manifest.devDependencies?.[name]}`);
  const wanted = new Set([...installed, ...headers]);
  const components = all.components.filter((component) => wanted.has(component["bom-ref"]));
  const there = new Set(components.map((component) => component["bom-ref"]));
  const missing = [...wanted].filter((ref) => !there.has(ref));
  if (missing.length > 0) fail(`npm's list lacks ${missing.join(", ")}; is node_modules what the lock file says?`);
  for (const component of components) {
    if (!headers.includes(component["bom-ref"])) continue;
    Object.assign(component, { scope: "required", properties: [property("delivery", "compiled into the addon")] });
  }
  const { component: self } = all.metadata;
  // npm calls it after the folder that it lies in.
  const metadata = { ...all.metadata, component: { ...self, name: manifest.name } };
  const dependencies = all.dependencies
    .filter(({ ref }) => there.has(ref) || ref === self["bom-ref"])
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((needed) => there.has(needed)) }));
  return { ...all, metadata, components, dependencies };
}

/** Torch wheels by variant. */
async function pinnedVariants() {
  const pinned = await import("../dist/libtorch/pinned.js").catch((error) => fail(`no pins (${error.message})`));
  const variants = pinned.pinnedVariants ?? {};
  if (Object.keys(variants).length === 0) fail("dist/libtorch/pinned.js has no pinnedVariants; run `npm run build`");
  return variants;
}

/** One component for each wheel, with the variants that it is for. */
function wheelComponents(variants) {
  const found = new Map();
  for (const [variant, { wheels: torchWheels }] of Object.entries(variants)) {
    for (const torch of torchWheels) {
      const needs = torch.companions.map((companion) => note(companion, variant, false, []));
      note(torch, variant, true, needs);
    }
  }
  return [...found.values()];

  function note(wheel, variant, isTorch, needs) {
    const [, version] = wheel.fileName.split("-");
    const name = wheel.requirement.split("=", 1)[0];
    const file = `?file_name=${encodeURIComponent(wheel.fileName)}`;
    const purl = `pkg:pypi/${name}@${encodeURIComponent(version)}${file}`;
    const entry = found.get(purl) ?? { isTorch, needs: [], component: describe(wheel, { name, version, purl }) };
    entry.needs = [...new Set([...entry.needs, ...needs])];
    const ofVariant = property("variant", variant);
    if (!entry.component.properties.some(({ name: key, value }) => key === ofVariant.name && value === variant)) {
      entry.component.properties.push(ofVariant);
    }
    found.set(purl, entry);
    return purl;
  }
}

function describe({ fileName, sha256, sizeBytes }, { name, version, purl }) {
  const licences = wheelLicences.find(([pattern]) => pattern.test(name))?.[1];
  if (licences === undefined) fail(`${fileName} has no licence in this script`);
  return {
    "bom-ref": purl,
    type: "library",
    name,
    version,
    scope: "optional", // Which wheels are fetched depends on the machine.
    purl,
    hashes: [{ alg: "SHA-256", content: sha256 }],
    licenses: licences,
    properties: [
      property("delivery", "fetched on first use, not shipped"),
      property("fileName", fileName),
      property("sizeBytes", String(sizeBytes)),
    ],
  };
}

function property(name, value) {
  return { name: `wsss:${name}`, value };
}

function say(message) {
  process.stderr.write(`sbom: ${message}\n`);
}

function fail(message) {
  say(message);
  process.exit(1);
}
