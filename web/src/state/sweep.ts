/** What a sweep searches, and how far it came: pure functions of its configuration and its runs. */

import type { Json, JsonObject } from "../wire/json";
import { isPlainObject } from "./flat";

/** The paths of the parameters that are searched: those that are not the same in each run. */
export function searchedParameters(config: JsonObject): string[] {
  const found: string[] = [];
  const look = (prefix: string, parameters: Json | undefined): void => {
    for (const [name, parameter] of isPlainObject(parameters) ? Object.entries(parameters) : []) {
      const path = prefix === "" ? name : `${prefix}.${name}`;
      if (isPlainObject(parameter) && "parameters" in parameter) {
        look(path, parameter["parameters"]);
      } else if (isPlainObject(parameter) && !("value" in parameter)) {
        found.push(path);
      }
    }
  };
  look("", config["parameters"]);
  return found;
}

/** What is judged, and whether less of it is better; null for a search that judges nothing. */
export function metricOf(config: JsonObject): { readonly name: string; readonly isLessBetter: boolean } | null {
  const metric = config["metric"];
  return isPlainObject(metric) && typeof metric["name"] === "string"
    ? { name: metric["name"], isLessBetter: metric["goal"] !== "maximize" }
    : null;
}

/** The best value up to each run; null before the first that has one. Runs that have no number change nothing. */
export function bestSoFar(values: readonly (number | null)[], isLessBetter: boolean): (number | null)[] {
  let best: number | null = null;
  return values.map((value) => {
    if (value !== null && Number.isFinite(value) && (best === null || (isLessBetter ? value < best : value > best))) {
      best = value;
    }
    return best;
  });
}

/** The places of the values, the best first; those without a number stand last, in their order. */
export function bestFirst(values: readonly (number | null)[], isLessBetter: boolean): number[] {
  const worth = (place: number): number => {
    const value = values[place] ?? null;
    return value === null || !Number.isFinite(value) ? Infinity : isLessBetter ? value : -value;
  };
  return values.map((_, place) => place).sort((one, other) => (worth(one) === worth(other) ? one - other : worth(one) - worth(other)));
}
