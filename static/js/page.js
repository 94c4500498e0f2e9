/** What every page needs: the switch between light and dark. */
import { installTheme } from "./theme.js";

installTheme(document, localStorage);
