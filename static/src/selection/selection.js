import { Interaction } from "@web/public/interaction";
import { registry } from "@web/core/registry";

/** Boxes of the list: how many are selected, and which the signature is for. */
export class CraSelection extends Interaction {
    static selector = "main:has(.o_cra_list)";
    dynamicContent = {
        "input[name=cra_select_all]": {
            "t-on-change": (ev) => this.selectAll(ev.target.checked),
            "t-att-checked": () => this.boxes.length === this.selected.length,
        },
        "input[name=cra_report]": { "t-on-change": () => this.showSelected() },
        "button[name=cra_approve_open]": {
            "t-att-disabled": () => !this.selected.length,
        },
        ".o_cra_count": { "t-out": () => String(this.selected.length) },
    };

    start() {
        this.showSelected();
    }

    get boxes() {
        return Array.from(this.el.querySelectorAll("input[name=cra_report]"));
    }

    get selected() {
        return this.boxes.filter((box) => box.checked);
    }

    selectAll(checked) {
        for (const box of this.boxes) {
            box.checked = checked;
        }
        this.showSelected();
    }

    /** Say in the dialog what will be signed: the title and total of each row. */
    showSelected() {
        const list = this.el.querySelector(".o_cra_selected");
        const items = this.selected.map((box) => {
            const item = document.createElement("li");
            item.textContent = box.dataset.summary;
            return item;
        });
        list?.replaceChildren(...items);
    }
}

registry.category("public.interactions").add("sale_timesheet_cra.selection", CraSelection);
