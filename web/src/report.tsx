/** Where a file that `runlake view` made begins: the page of a project, over what lies in the document. */

import "./style/tokens.css";
import "./style/base.css";
import "./style/parts.css";
import "./style/shell.css";
import "./style/store.css";
import "./style/workspace.css";
import "./style/table.css";
import { render } from "preact";
import { beginAt, followLocation } from "./state/address";
import { followTheme } from "./state/colours";
import { beginLooking } from "./state/session";
import { beginTheme } from "./state/theme";
import { Report } from "./views/report/Report";
import { embeddedTransport, type Embedded } from "./wire/embedded";
import { answerFrom } from "./wire/http";
import { readJson } from "./wire/json";

const embedded = readJson(document.getElementById("report")?.textContent ?? "null") as unknown as Embedded;
answerFrom(embeddedTransport(embedded));
beginAt([embedded.entity, embedded.project], embedded.query);
document.title = [embedded.title, embedded.project, embedded.entity, "runlake"].filter(Boolean).join(" · ");
followLocation();
beginTheme();
followTheme();
void beginLooking(null);
const place = document.getElementById("page");
if (place !== null) {
  render(<Report embedded={embedded} />, place);
}
