// The slash key goes to the search; the page works without this file.
document.addEventListener("keydown", (event) => {
  const typing = /^(input|textarea|select)$/i.test(event.target.tagName);
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const search = document.getElementById("identifier") || document.getElementById("quick");
  if (search) {
    event.preventDefault();
    search.focus();
    search.select();
  }
});
