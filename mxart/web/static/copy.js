// Beside every block of lines a button that copies them. Without this file they are selected and copied by hand.
"use strict";

// The clipboard API is there only on secure origins, and a server in a house is often reached by plain HTTP.
function copyBySelection(code) {
  getSelection().selectAllChildren(code);
  return document.execCommand("copy");
}

async function copyLines(code) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(code.textContent);
    return true;
  }
  return copyBySelection(code);
}

function addButton(block) {
  const code = block.querySelector("code");
  const button = document.createElement("button");
  const label = block.getAttribute("aria-label");
  button.type = "button";
  button.textContent = "Copy";
  button.setAttribute("aria-label", `Copy: ${label}`);
  const said = document.createElement("span");
  said.className = "said";
  said.setAttribute("role", "status");
  button.addEventListener("click", async () => {
    const done = await copyLines(code).catch(() => copyBySelection(code));
    button.textContent = done ? "Copied" : "Selected";
    said.textContent = done ? "Copied" : "Selected: copy it with the keyboard";
    setTimeout(() => {
      button.textContent = "Copy";
      said.textContent = "";
    }, 2000);
  });
  block.append(button, said);
}

document.querySelectorAll(".lines").forEach(addButton);
