"use strict";
// Pages work without this file; it only spares the server the questions of pages that nobody looks at.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && event.detail.elt.matches("[data-live]")) event.preventDefault();
});
// What a change of stage brings is fetched at once when somebody comes back to the page.
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) htmx.trigger(document.body, "loan-stale");
});
