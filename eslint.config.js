import js from "@eslint/js";
import globals from "globals";

const MARKUP = "Build nodes with createElement: markup from strings is how scripts get in.";
const markupProperties = ["innerHTML", "outerHTML"].map((property) => ({ property, message: MARKUP }));
const markupMethods = [
  "insertAdjacentHTML", "setHTMLUnsafe", "createContextualFragment", "parseFromString", "write", "writeln",
].map((method) => ({
  selector: `CallExpression[callee.property.name='${method}']`,
  message: MARKUP,
}));

export default [
  { ignores: ["node_modules/", ".venv/", "staticfiles/", "**/*.min.js"] },
  js.configs.recommended,
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
    languageOptions: { ecmaVersion: 2023, sourceType: "module" },
    rules: {
      "array-callback-return": "error",
      "consistent-return": "off",
      curly: ["error", "multi-line"],
      eqeqeq: ["error", "always"],
      "max-lines": ["error", 250],
      "max-lines-per-function": ["error", 40],
      "no-console": ["error", { allow: ["warn", "error"] }],
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-param-reassign": "error",
      "no-promise-executor-return": "error",
      "no-script-url": "error",
      "no-self-compare": "error",
      "no-shadow": "error",
      "no-template-curly-in-string": "error",
      "no-unmodified-loop-condition": "error",
      "no-use-before-define": ["error", { functions: false, classes: false, variables: false }],
      "no-unused-vars": ["error", { varsIgnorePattern: "^_", destructuredArrayIgnorePattern: "^_" }],
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      "require-atomic-updates": "error",
    },
  },
  {
    files: ["static/**/*.js"],
    languageOptions: { globals: globals.browser },
    rules: {
      "no-restricted-properties": ["error", ...markupProperties],
      "no-restricted-syntax": ["error", ...markupMethods],
    },
  },
  {
    files: ["tests/**/*.{js,mjs}", "*.config.js"],
    languageOptions: { globals: { ...globals.node, ...globals.browser } },
    // Tests read markup to compare it, and print; a test table may be long.
    rules: { "no-console": "off", "no-script-url": "off", "no-template-curly-in-string": "off", "max-lines-per-function": "off" },
  },
];
