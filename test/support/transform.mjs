// Compiles TypeScript tests for jest, and leaves everything else as it is.
import ts from "typescript";

/** Compiles one test for jest with the TypeScript that is here anyway; types are checked by `npm run typecheck`. */
export default {
  process(text, fileName) {
    const { outputText } = ts.transpileModule(text, {
      fileName,
      compilerOptions: {
        module: ts.ModuleKind.ESNext,
        target: ts.ScriptTarget.ES2022,
        verbatimModuleSyntax: true,
        inlineSourceMap: true,
        inlineSources: true,
      },
    });
    return { code: outputText };
  },
};
