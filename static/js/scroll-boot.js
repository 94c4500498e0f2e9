// Runs while the page is parsed: a conversation opens at its end, without a jump.
const scroller = document.getElementById("scroller");
if (scroller && !location.hash) scroller.scrollTop = scroller.scrollHeight;
