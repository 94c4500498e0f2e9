/** Another model than the chosen one answers: says so. Pure. */
import { isEnded } from "./events.js";

/** "Sol answered, Luna is not reachable"; empty when the chosen model itself was asked. */
export function standInWords(state, hasText, models) {
  if (!state.instead_of || state.instead_of === state.model) return "";
  const name = (id) => models.find((model) => model.id === id)?.label ?? id;
  const verb = !isEnded(state) ? "answers" : hasText ? "answered" : "was asked";
  const then = isEnded(state) ? "was" : "is";
  return `${name(state.model)} ${verb}, ${name(state.instead_of)} ${then} not reachable`;
}
