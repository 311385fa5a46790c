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

    get isReady() {
        return Boolean(this.props.record.data.preview_move_id);
    }

    get viewer() {
        const file = encodeURIComponent(this.state.file);
        return `/web/static/lib/pdfjs/web/viewer.html?file=${file}`;
    }

    /** Return the PDF in base64 that the form's unsaved changes lead to. */
    print(changes) {
        const { resId, resModel, data } = this.props.record;
        delete changes.preview_move_id;
        return this.orm.call(resModel, "preview", [
            resId ? [resId] : [],
            data.preview_move_id.id,
            changes,
        ]);
    }

    forget() {
        if (this.state.file) {
            URL.revokeObjectURL(this.state.file);
        }
        this.state.file = "";
    }

    async onClick() {
        this.state.busy = true;
        try {
            const content = await this.print(await this.props.record.getChanges());
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

/** Show the annexes of an invoice, as its form has it now: not saved. */
export class InvoiceAnnexPreview extends AnnexPreview {
    get isReady() {
        return Boolean(this.props.record.resId);
    }

    print(changes) {
        const { resId, resModel } = this.props.record;
        return this.orm.call(resModel, "preview_annexes", [[resId], changes]);
    }
}

const widgets = registry.category("view_widgets");
widgets.add("annex_preview", { component: AnnexPreview });
widgets.add("invoice_annex_preview", { component: InvoiceAnnexPreview });
