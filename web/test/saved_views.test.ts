import { expect, test } from "vitest";
import { saveView } from "../src/state/saved_views";
import { DEFAULT_VIEW } from "../src/state/view";
import { answerFrom } from "../src/wire/http";

const PATH = { entity: "ada", project: "vision" };

test("what another program keeps under an id is not written over", async () => {
  const methods: string[] = [];
  const report = { view_id: "best", type: "runs", name: "best", display_name: "A report", spec: "{}", updated_at: 1, user: null };
  answerFrom(async (_, request) => {
    methods.push(request.method ?? "");
    return new Response(JSON.stringify([report]));
  });
  await expect(saveView(PATH, "best", "Best", DEFAULT_VIEW, null)).rejects.toThrow("save the view under another name");
  expect(methods).toEqual(["GET"]);
});
