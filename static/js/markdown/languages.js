/** The languages that code is coloured in; each grammar is fetched when a block first needs it. */
import hljs from "@highlightjs/cdn-assets/es/core.min.js";

// Own name: other names that stand after a fence. A name that is not here means plain text.
const ALIASES = {
  bash: "sh zsh",
  c: "h",
  clojure: "clj",
  cmake: "",
  cpp: "cc c++ hpp cxx",
  csharp: "cs c#",
  css: "",
  dart: "",
  diff: "patch",
  dockerfile: "docker",
  elixir: "ex exs",
  erlang: "erl",
  go: "golang",
  graphql: "gql",
  haskell: "hs",
  ini: "toml conf cfg",
  java: "",
  javascript: "js jsx mjs cjs",
  json: "jsonc json5",
  julia: "jl",
  kotlin: "kt kts",
  latex: "tex",
  lua: "",
  makefile: "make mk",
  markdown: "md",
  nginx: "",
  objectivec: "objc objective-c",
  perl: "pl",
  php: "",
  powershell: "ps1 pwsh",
  protobuf: "proto",
  python: "py python3",
  r: "",
  ruby: "rb",
  rust: "rs",
  scala: "",
  scss: "",
  shell: "console shellsession",
  sql: "postgresql mysql sqlite",
  swift: "",
  typescript: "ts tsx",
  xml: "html xhtml svg vue",
  yaml: "yml",
};

// Grammars that a grammar hands parts of the text to. They are loaded before it is used: else
// the colours would hang on which other blocks happened to be on the page.
const PARTS = {
  dart: ["markdown"],
  dockerfile: ["bash"],
  javascript: ["xml", "css", "graphql"],
  markdown: ["xml"],
  shell: ["bash"],
  typescript: ["xml", "css", "graphql"],
  xml: ["css", "javascript"],
  yaml: ["ruby"],
};

const names = new Map();
for (const [name, aliases] of Object.entries(ALIASES)) {
  for (const alias of [name, ...aliases.split(" ")]) if (alias) names.set(alias, name);
}

export const highlighter = hljs.newInstance();
const grammars = new Map();
const loading = new Map();
const ready = new Set();

/** The own name of a language as a fence names it ("PY" -> "python"), or null if we have none. */
export function languageName(word) {
  return names.get(word.toLowerCase()) ?? null;
}

/** True when text of this language can be coloured at once. */
export function isReady(name) {
  return ready.has(name);
}

function closure(name, found = new Set()) {
  if (!found.has(name)) {
    found.add(name);
    for (const part of PARTS[name] ?? []) closure(part, found);
  }
  return found;
}

function fetchGrammar(name) {
  let grammar = grammars.get(name);
  if (!grammar) {
    grammar = import(`@highlightjs/cdn-assets/es/languages/${name}.min.js`).then((module) => {
      highlighter.registerLanguage(name, module.default);
    });
    grammars.set(name, grammar);
  }
  return grammar;
}

/** Loads a language with all its parts. The promise never rejects: without colours code reads too. */
export function load(name) {
  let job = loading.get(name);
  if (!job) {
    const needed = [...closure(name)];
    job = Promise.all(needed.map(fetchGrammar)).then(
      () => void ready.add(name),
      (error) => {
        console.warn(`No colours for ${name}:`, error);
        loading.delete(name); // the next block tries again
        for (const part of needed) grammars.delete(part);
      },
    );
    loading.set(name, job);
  }
  return job;
}
