/** Where the page begins. */

import "./style/tokens.css";
import "./style/base.css";
import { render } from "preact";
import { followLocation } from "./state/address";
import { App } from "./views/shell/App";

followLocation();
const place = document.getElementById("page");
if (place !== null) {
  render(<App />, place);
}
