import { useService } from "@web/core/utils/hooks";
import { registry } from "@web/core/registry";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";

import { Component, onWillUnmount, useState } from "@odoo/owl";

/** Show an annex template on a chosen invoice, as the form has it now: not saved. */
export class AnnexPreview extends Component {
    static template = "sale_timesheet_cra.AnnexPreview";
    static props = { ...standardWidgetProps };

    setup() {
        this.orm = useService("orm");
        this.state = useState({ file: "", busy: false });
        onWillUnmount(() => this.forget());
    }

    get move() {
        return this.props.record.data.preview_move_id;
    }

    get viewer() {
        const file = encodeURIComponent(this.state.file);
        return `/web/static/lib/pdfjs/web/viewer.html?file=${file}`;
    }

    forget() {
        if (this.state.file) {
            URL.revokeObjectURL(this.state.file);
        }
        this.state.file = "";
    }

    async onClick() {
        const { record } = this.props;
        this.state.busy = true;
        try {
            const changes = await record.getChanges();
            delete changes.preview_move_id;
            const ids = record.resId ? [record.resId] : [];
            const content = await this.orm.call(record.resModel, "preview", [
                ids,
                this.move.id,
                changes,
            ]);
            const bytes = Uint8Array.from(atob(content), (sign) => sign.charCodeAt(0));
            this.forget();
            this.state.file = URL.createObjectURL(
                new Blob([bytes], { type: "application/pdf" })
            );
        } finally {
            this.state.busy = false;
        }
    }
}

registry.category("view_widgets").add("annex_preview", { component: AnnexPreview });
