/** Where the page begins. */

import "./style/tokens.css";
import "./style/base.css";
import "./style/parts.css";
import "./style/shell.css";
import "./style/store.css";
import "./style/workspace.css";
import "./style/table.css";
import "./style/media.css";
import { render } from "preact";
import { followLocation, takeToken } from "./state/address";
import { followTheme } from "./state/colours";
import { beginLooking } from "./state/session";
import { beginTheme } from "./state/theme";
import { warmUp } from "./views/panels/warm_up";
import { App } from "./views/shell/App";

const token = takeToken();
followLocation();
beginTheme();
followTheme();
void beginLooking(token);
const place = document.getElementById("page");
if (place !== null) {
  render(<App />, place);
}
warmUp();
