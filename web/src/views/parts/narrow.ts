/** Whether there is room for one thing beside another. */

import { signal } from "@preact/signals";

const question = matchMedia("(max-width: 760px)");

export const isNarrow = signal(question.matches);

question.addEventListener("change", ({ matches }) => (isNarrow.value = matches));
